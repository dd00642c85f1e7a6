# sdk: libub-sdk.a, what a plugin links so that its author writes little.
