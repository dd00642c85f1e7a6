# tests/lint: the rules of the house that a machine can check.
lint_tests = \
	tests/lint/house.tap \
	tests/lint/rules.tap \
	$(NULL)
TESTS += $(lint_tests)
EXTRA_DIST += \
	$(lint_tests) \
	tests/lint/allow \
	tests/lint/lint.py \
	tests/lint/selftest.py \
	$(NULL)

lint:
	PYTHONDONTWRITEBYTECODE=1 python3 '$(srcdir)/tests/lint/lint.py' '$(srcdir)'
reformat:
	PYTHONDONTWRITEBYTECODE=1 python3 '$(srcdir)/tests/lint/lint.py' --reformat '$(srcdir)'
.PHONY: lint reformat
