# tests/abi: the ABI compared with its frozen first release.
