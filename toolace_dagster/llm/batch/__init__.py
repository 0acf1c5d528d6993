"""Batch mode: the same requests through ``/v1/files`` and ``/v1/batches``, at half price and without hurry.

Row programs do not notice. When all rows wait, what they wait for is written to
disk, uploaded and submitted; when a batch has ended, its rows go on. Everything
that a restarted run needs to go on is on disk before it is needed.

Belongs here: files, batches and their lines. Does not belong here: what is asked
(``asking``), how a response is read (``responses``), kept (``journal``) or parsed
(``structured``): that is the same as live.
"""
