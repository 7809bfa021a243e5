"""One warm child for many tests: to start Python and load torch takes seconds."""

from kadanoff.coarse.user.process import Child


class Warm:
    """Stands in for `Child`: real, but handed from rule to rule while it lives."""

    def __init__(self):
        self.real: Child | None = None

    def __call__(self):
        self.real = self.real or Child()
        return self

    def exchange(self, *request):
        assert self.real is not None
        try:
            return self.real.exchange(*request)
        except BaseException:
            self.stop()
            raise

    def end(self):
        """Nothing: the next rule has it."""

    def stop(self):
        if self.real is not None:
            self.real.end()
        self.real = None
