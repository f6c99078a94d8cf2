"""The four slices: what each wants of the kernel, and the plan that brings it there. Pure.

A slice is a module with `NAME` and `plan(config, observed, up)`. `up` is False where the
slice is to leave nothing of its own behind. ORDER is the order of bringing up: closed
first, translated before there is a way out; taking down goes the other way round.
"""
