"""Command lines that may hold addresses: what is wrong with them is told without the passwords."""

import argparse
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """Quotes an argument that it does not understand as it may be shown."""

    def error(self, message: str) -> NoReturn:
        """Exit with code 2."""
        from ..runtime.sources import without_passwords

        super().error(without_passwords(message))
