# samples: programs to read; `make check` compares each NAME.lua with expected/NAME.out.
# They are found by name, so there is nothing to list here.
