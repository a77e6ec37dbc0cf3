{% include "page" %}/-/ready > /dev/null
