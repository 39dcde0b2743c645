// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api;

import org.apiguardian.api.API;

/**
 * What somebody may ask of a CPU that he does not own: one kind for each floor that keeps something
 * per CPU. The floor registers with {@link Cpus#onRequest} what it does then.
 */
@API(status = API.Status.MAINTAINED)
public enum PendingKind {
  /** Give the pages of the per-cpu lists back: {@code drain_local_pages()}. */
  PAGE_LISTS(0),
  /** Give the objects of the per-cpu slabs back: {@code flush_cpu_slab()}. */
  SLAB_OBJECTS(1),
  /** Give up what is free of the per-cpu vmalloc blocks, and flush what was unmapped lazily. */
  VMALLOC_BLOCKS(2);

  /** How many kinds there are. */
  static final int COUNT = 3;

  private final int code;

  PendingKind(int code) {
    this.code = code;
  }

  /** A small number for tables: its place in this list. */
  public int code() {
    return code;
  }

  /** Its bit in a set of kinds. */
  int bit() {
    return 1 << code;
  }
}
