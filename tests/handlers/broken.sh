#!/bin/sh
echo "the library is missing" >&2
exit 3
