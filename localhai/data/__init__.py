"""Where bytes come from and go to: inputs, the download cache, checksums, outputs, the store.

The public doors of this room, each in the file of its noun::

    inputs.fetch_inputs(specs, *, sources, cache, datum_lookup, input_map, progress, cancelled, ...)
                                              -> FetchedInputs(files, on_demand, notes)
    sources.DataSources(s3_folder=, s3_endpoint_url=)   lazily made clients; close() it, or use it in a `with`
    cache.Cache(home)                                   HOME/cache/data; report(), clean(older_than=); close() it
    checksums.of_file(path), checksums.of_files(paths)  md5, sha1 and sha256 in one pass
    outputs.scan(folder, uploaded=())                   -> Scan(files, skipped, warnings, late)
    store.open_store(url_or_path, sources=)             -> Store: put, fetch, open, delete
    emulated_s3.EmulatedS3(folder)                      moto in process; start(), endpoint_url, stop()

Nouns that they share: `files` (wanted inputs, input files, datums), `sidecars` (properties), `progress` (events).
"""
