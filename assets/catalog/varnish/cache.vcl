vcl 4.1;
# Written by Sandtable: {{ node.name|line }}/{{ service.name|line }}. Changes here are overwritten at the next deployment.
{%- set behind = upstreams|selectattr("speaks_http")|list %}

import directors;
import std;

backend default none;

probe well {
    {#- Compared where they differ: a probe has one path for all. #}
    {%- set paths = behind|map(attribute="health_path")|unique|list %}
    .url = {{ (paths[0] or "/healthz") if paths|length == 1 else "/healthz" }};
    .interval = 1s;
    .timeout = 1s;
    .window = 3;
    .threshold = 2;
    .initial = 1;
}
{%- for to in behind %}

# {{ to.to|line }}
backend server{{ loop.index }} {
    .host = {{ to.address }};
    .port = "{{ to.port }}";
    .connect_timeout = {{ constants.connect_ms }}ms;
    .first_byte_timeout = {{ constants.answer_ms }}ms;
    .between_bytes_timeout = 5s;
    .probe = well;
}
{%- endfor %}

sub vcl_init {
    new behind = directors.round_robin();
{%- for to in behind %}
    behind.add_backend(server{{ loop.index }});
{%- endfor %}
}

sub vcl_recv {
    set req.backend_hint = behind.backend();
    if (req.url == "/healthz") {
        if (std.healthy(req.backend_hint)) { return (synth(200, "OK")); }
        return (synth(503, "Nobody is there"));
    }
    if (req.http.upgrade ~ "(?i)websocket") { return (pipe); }
    # Files are the same for everybody, whoever asks.
    if (req.url ~ "(?i)\.(css|js|png|jpe?g|gif|webp|svg|ico|woff2?)(\?.*)?$") { unset req.http.Cookie; }
}

sub vcl_pipe {
    if (req.http.upgrade) {
        set bereq.http.upgrade = req.http.upgrade;
        set bereq.http.connection = req.http.connection;
    }
}

sub vcl_backend_response {
    # While nobody behind is well, what is known still is served.
    set beresp.grace = 10m;
    if (bereq.url ~ "(?i)\.(css|js|png|jpe?g|gif|webp|svg|ico|woff2?)(\?.*)?$" && beresp.status == 200) {
        unset beresp.http.Set-Cookie;
        if (beresp.ttl < 60s) { set beresp.ttl = 60s; }
    }
    # An error is not kept: the next one who asks may have more luck.
    if (beresp.status >= 500) {
        set beresp.uncacheable = true;
        set beresp.ttl = 0s;
        set beresp.grace = 0s;
        if (bereq.method == "GET" && bereq.retries < 1 && beresp.status == 503) { return (retry); }
    }
}

sub vcl_backend_error {
    if (bereq.method == "GET" && bereq.retries < 2) { return (retry); }
}

sub vcl_deliver {
    if (obj.hits > 0) { set resp.http.X-Cache = "hit"; } else { set resp.http.X-Cache = "miss"; }
    set resp.http.X-Cache-Server = {{ node.hostname }};
    unset resp.http.X-Varnish;
}
