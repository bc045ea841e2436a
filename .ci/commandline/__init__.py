"""The command line as facts (``model``), and what is made of them: manual pages, and completions of shells."""
