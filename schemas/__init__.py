"""What two parts must agree on: formats with their only encoder and decoder, DDL, delivery.

Holds a little behaviour too (the journal, the delivery loop, the child process contract), because
three parts use each of them. Imports none of our other packages and no network library.
"""
