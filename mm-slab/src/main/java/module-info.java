// SPDX-License-Identifier: Apache-2.0

/**
 * Slab allocators: caches of objects, and kmalloc; and off-heap memory for JVM programs by one of
 * them.
 */
module io.mm4j.slab {
  requires transitive io.mm4j.api;
  requires java.management;
  requires jdk.jfr;
  requires static org.jspecify;

  exports io.mm4j.slab.offheap;

  provides io.mm4j.api.slab.SlabAllocatorProvider with
      io.mm4j.slab.bonwick.BonwickProvider,
      io.mm4j.slab.page.PageSlabProvider,
      io.mm4j.slab.slob.SlobProvider,
      io.mm4j.slab.slub.SlubProvider;
}
