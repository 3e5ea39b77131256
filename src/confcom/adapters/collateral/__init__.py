# SPDX-License-Identifier: Apache-2.0
"""Collateral from services, files and a cache on disk.

Import from the modules: what works without network (`local`, `offline`, `disk_cache`) must not
load what needs it (`online`, `provider`, `http_client`), because offline verification of one quote
takes less time than loading an HTTP library.

* what is asked for and answered: `requests`, `answers`, `document`, `events`
* where from: `intel`, `azure`, `services`, `http_source`, `local`, `directory`, `bundle`
* how it is judged and kept: `checks`, `keeper`, `shelf`, `disk_cache`, `keep`
* for callers: `provider` (asynchronous), `online` (blocks), `offline`, `items`
"""
