"""Small experiments, not part of the package: they import the library, and the library never imports them."""
