"""A package, because verl installs another one of this name: `tests.composing` is ours."""
