[ "$({{ paths.etc|plain }}/{{ service.slug|plain }}.run which)" = sets ] ||
    say "this node may not set its clock (a container): chrony compares it with the others and leaves it to the host"
