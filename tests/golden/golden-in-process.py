#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""the recorded scenarios; see golden.py"""
from golden import main

main("in-process")
