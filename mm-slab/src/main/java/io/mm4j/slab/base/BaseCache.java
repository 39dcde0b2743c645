// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.base;

import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.ObjectFrames;

/** A cache, with what a free looks up. */
public abstract class BaseCache extends KmemCache {
  /** The granule of {@link ObjectFrames}. */
  public final int shift;

  /** The size of an object of {@code kmalloc()} has this index, or -1. */
  public final int kmallocIndex;

  /** A cache of objects that lie so far apart. */
  protected BaseCache(int id, String name, int size, int kmallocIndex) {
    super(id, name);
    this.shift = ObjectFrames.shiftOf(size);
    this.kmallocIndex = kmallocIndex;
  }
}
