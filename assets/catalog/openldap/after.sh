# The people that everybody starts with; whoever was changed or taken away later is left alone.
{{ paths.etc|plain }}/{{ service.slug|plain }}/dump || fail "The directory could not be dumped."
