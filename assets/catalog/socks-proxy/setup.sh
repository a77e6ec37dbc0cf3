{%- if not upstreams and not settings.via %}
fail "It goes nowhere: draw a flow from it to an ssh service, or name a node in its setting via."
{%- endif %}
:
