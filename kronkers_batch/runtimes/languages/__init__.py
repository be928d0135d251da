"""One module a language: how its worker is started. See :mod:`~kronkers_batch.runtimes.languages.base`."""
