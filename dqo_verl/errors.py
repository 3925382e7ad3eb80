"""One error for whatever a user can mend: its message says what is wrong and what to type instead."""


class UserError(ValueError):
    """A setting, an option, a file or a model that cannot work. The command line prints the message alone, without a traceback."""
