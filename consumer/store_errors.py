"""Which of ClickHouse's errors may be a row's fault: one table of codes, and any that names a row.

All others are the store's or ours, and wait. One of these only starts the search for the row
(`consumer.refused_rows`), so a code too many costs a search, never a hit.
"""

from collections.abc import Mapping

# Code and name as in ClickHouse's src/Common/ErrorCodes.cpp.
DATA_ERRORS: Mapping[int, str] = {
    6: "CANNOT_PARSE_TEXT",
    25: "CANNOT_PARSE_ESCAPE_SEQUENCE",
    26: "CANNOT_PARSE_QUOTED_STRING",
    27: "CANNOT_PARSE_INPUT_ASSERTION_FAILED",
    32: "ATTEMPT_TO_READ_AFTER_EOF",
    33: "CANNOT_READ_ALL_DATA",
    38: "CANNOT_PARSE_DATE",
    41: "CANNOT_PARSE_DATETIME",
    53: "TYPE_MISMATCH",
    69: "ARGUMENT_OUT_OF_BOUND",
    70: "CANNOT_CONVERT_TYPE",
    72: "CANNOT_PARSE_NUMBER",
    117: "INCORRECT_DATA",
    128: "TOO_LARGE_ARRAY_SIZE",
    130: "CANNOT_READ_ARRAY_FROM_TEXT",
    131: "TOO_LARGE_STRING_SIZE",
    190: "SIZES_OF_ARRAYS_DONT_MATCH",
    306: "TOO_DEEP_RECURSION",
    321: "VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE",
    349: "CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN",
    376: "CANNOT_PARSE_UUID",
    407: "DECIMAL_OVERFLOW",
    441: "CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING",
    467: "CANNOT_PARSE_BOOL",
    469: "VIOLATED_CONSTRAINT",
    563: "CANNOT_READ_MAP_FROM_TEXT",
    675: "CANNOT_PARSE_IPV4",
    676: "CANNOT_PARSE_IPV6",
    691: "UNKNOWN_ELEMENT_OF_ENUM",
}

# Errors of the store that may name the row it was at.
STORE_ERRORS: Mapping[int, str] = {
    159: "TIMEOUT_EXCEEDED",
    241: "MEMORY_LIMIT_EXCEEDED",
    243: "NOT_ENOUGH_SPACE",
    394: "QUERY_WAS_CANCELLED",
}

# Errors a person has to mend, and where; all others speak for themselves.
ADVICE: Mapping[int, str] = {
    60: "run `heliograph migrate`",
    81: "run `heliograph migrate`, or look at clickhouse.database",
    192: "look at clickhouse.user",
    193: "look at clickhouse.password",
    194: "set clickhouse.password",
    497: "the user of clickhouse.user lacks a right",
    516: "look at clickhouse.user and clickhouse.password",
}


class StoreError(Exception):
    """ClickHouse answered with an error of its own: `code` and its text."""

    def __init__(self, code: int, text: str) -> None:
        advice = ADVICE.get(code)
        super().__init__(f"{text} ({advice})" if advice else text)
        self.code = code

    @property
    def is_data(self) -> bool:
        """Whether a row may be at fault."""
        names_row = "(at row " in str(self) and self.code not in STORE_ERRORS
        return names_row or self.code in DATA_ERRORS
