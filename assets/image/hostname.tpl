{{ config_get("user.sandtable.hostname", container.name) }}
