"""Programs of the comparison that may run outside our environment, and what they share.

They import the standard library, what their environment has, and each other: nothing of ours.
"""
