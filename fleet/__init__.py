"""The command of the whole project: `fleet`."""
