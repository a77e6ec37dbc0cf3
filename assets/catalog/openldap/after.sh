systemctl enable --quiet --now sandtable-{{ service.slug }}-dump.timer
{{ paths.etc|plain }}/{{ service.slug|plain }}/dump || fail "The directory could not be dumped."
