"""Every maximum of the formats, by name, with the precedent that chose it.

Limits of a process (connections, timeouts) are settings of that process instead.
"""

# A cookie's lifetime: browsers cap Max-Age at 400 days (RFC 6265bis section 5.5).
COOKIE_AGE_DAYS_MAX = 400

# A page's URL: Chrome's omnibox keeps 2,048 characters of a URL, GA4 sends at most 1,000 of one;
# longer ones are real (tracking parameters stacked on one another), so twice the former.
URL_BYTES_MAX = 4_096

# An event's name: GA4 allows 40 characters, Segment and PostHog 200.
EVENT_BYTES_MAX = 200

# Ids the site gives (its user, an event, a campaign, a message): SHA-256 in hex takes 64, a UUID
# 36, an RFC 5322 message id is usually under 200.
ID_BYTES_MAX = 256

# A SHA-256 in hex.
HASH_BYTES = 64

# A consent string: TCF strings of 1,500 vendors and all segments stay under 2,000 characters, GPP
# holds one and some more; IAB names no bound, request lines end at 8,192.
CONSENT_CHARACTERS_MAX = 8_192

# Three client hints: Chrome's brand list is near 70 bytes, the others under 20.
CLIENT_HINTS_BYTES_MAX = 256

# A site key is a short name that we or the operator chose: a DNS name takes at most 253.
SITE_BYTES_MAX = 253

# Sites in one file: an agency's clients; each costs a kilobyte in every worker.
SITES_MAX = 10_000

# Keys of API callers in one file: a few per site.
KEYS_MAX = 10_000

# Events in one POST of a server: Meta's Conversions API takes 1,000.
API_EVENTS_MAX = 1_000

# A user agent: the longest common ones (in-app browsers) are near 400 bytes; Matomo keeps 512.
USER_AGENT_BYTES_MAX = 1_024

# One language tag of Accept-Language: RFC 5646 section 4.4.1 suggests buffers of 35.
LANGUAGE_BYTES_MAX = 35

# Custom properties of one hit: GA4 allows 25 parameters of 40 + 100 characters; twice of each.
PROPERTIES_MAX = 50
PROPERTY_NAME_BYTES_MAX = 80
PROPERTY_VALUE_BYTES_MAX = 1_024

# Problems noted of one hit: the first ones tell what is wrong with a snippet; without a bound, a
# body of many small faults would make a line larger than Kafka takes.
PROBLEMS_MAX = 20

# A value of money or the like: Decimal(18, 4) has 14 digits before the point.
VALUE_MAX = 10**14

# Events in one POST of a browser: Segment's and PostHog's browser batches stay under 100.
BEACON_EVENTS_MAX = 100

# A hit's line, newline included. All fields at their maximum, every byte escaped, stay under this;
# Kafka's default message limit is 1 MiB.
LINE_BYTES_MAX = 512 * 1024

# Headers of one request: aiohttp takes 128, Apache 100, nginx bounds only their bytes.
HEADERS_MAX = 128
