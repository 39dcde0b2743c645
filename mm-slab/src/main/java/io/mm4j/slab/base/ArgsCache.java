// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.base;

import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.ObjectConstructor;
import org.jspecify.annotations.Nullable;

/** A cache that is what it was created as: it is never shared, and has no partial slabs to keep. */
public abstract class ArgsCache extends BaseCache {
  /** What it was created with. */
  protected final KmemCacheArgs args;

  /** A cache of objects that lie so far apart. */
  protected ArgsCache(int id, KmemCacheArgs args, int size, int kmallocIndex) {
    super(id, args.name(), size, kmallocIndex);
    this.args = args;
  }

  /** A cache whose objects lie between those of others. */
  protected ArgsCache(int id, int shift, KmemCacheArgs args, int kmallocIndex) {
    super(id, shift, args.name(), kmallocIndex);
    this.args = args;
  }

  @Override
  public final int objectBytes() {
    return args.objectBytes();
  }

  @Override
  public final int flags() {
    return args.flags();
  }

  @Override
  public final int minPartial() {
    return 0;
  }

  @Override
  public final int cpuPartial() {
    return 0;
  }

  @Override
  public final int aliases() {
    return 0;
  }

  @Override
  public final @Nullable ObjectConstructor ctor() {
    return args.ctor();
  }

  @Override
  public final int usersize() {
    return args.usersize();
  }
}
