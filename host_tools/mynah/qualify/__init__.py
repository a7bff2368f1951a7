"""Board qualification: measure a board, write its scorecard, compare two of them."""
