# completions: what a shell offers behind ubctl and update-brokerd.
dist_bashcompletion_DATA = \
	completions/ubctl.bash \
	completions/update-brokerd.bash \
	$(NULL)
dist_zshcompletion_DATA = completions/_ubctl
dist_fishcompletion_DATA = \
	completions/ubctl.fish \
	completions/update-brokerd.fish \
	$(NULL)
