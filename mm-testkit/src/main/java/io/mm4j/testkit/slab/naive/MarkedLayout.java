// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.naive;

import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabFlags;

/** What the known bytes of a cache with debug flags hang on. */
public final class MarkedLayout {
  public final NaiveGeometry geometry;
  final int bytes;

  /** Whether validity is looked at with each call. */
  public final boolean checks;

  /** Whether a constructor writes to new objects. */
  final boolean made;

  final boolean red;
  final boolean poison;

  /** Whether objects say who had them. */
  public final boolean user;

  /** Whether free objects are poisoned: not where their bytes must stay. */
  final boolean fills;

  /** Whether an object says what was asked for. */
  final boolean asked;

  /** Whether only what was asked for is zeroed. */
  final boolean zeroesAsked;

  /** Whether the link of a free object lies behind it. */
  final boolean linkBehind;

  /** Of a cache that was created with these arguments and has these flags. */
  public MarkedLayout(NaiveGeometry geometry, KmemCacheArgs args, int flags) {
    this.geometry = geometry;
    bytes = args.objectBytes();
    made = args.ctor() != null;
    checks = (flags & SlabFlags.SLAB_CONSISTENCY_CHECKS) != 0;
    red = (flags & SlabFlags.SLAB_RED_ZONE) != 0;
    poison = (flags & SlabFlags.SLAB_POISON) != 0;
    user = (flags & SlabFlags.SLAB_STORE_USER) != 0;
    boolean stays = args.ctor() != null || (flags & SlabFlags.SLAB_TYPESAFE_BY_RCU) != 0;
    fills = poison && !stays;
    asked = user && (flags & SlabFlags.SLAB_KMALLOC) != 0;
    boolean general = (flags & SlabFlags.SLAB_KMALLOC) != 0;
    zeroesAsked = general && (user || red);
    linkBehind = geometry.link >= geometry.inuse;
  }

  /** Where an object says what was asked for. */
  int askedAt() {
    return geometry.afterLink + 64;
  }

  /** Where the padding behind an object begins. */
  int paddingAt() {
    return geometry.afterLink + (user ? 64 : 0) + (asked ? 4 : 0);
  }
}
