"""The only code that touches the machine.

`kernel.KernelHost` is the real one, `fake.FakeHost` keeps everything in memory and is used
by tests and by anybody who wants to see a plan for another machine.
"""
