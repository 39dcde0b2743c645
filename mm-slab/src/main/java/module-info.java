// SPDX-License-Identifier: Apache-2.0

/** Slab allocators: caches of objects, and kmalloc. */
module io.mm4j.slab {
  requires io.mm4j.api;
  requires static org.jspecify;

  provides io.mm4j.api.slab.SlabAllocatorProvider with
      io.mm4j.slab.page.PageSlabProvider,
      io.mm4j.slab.slob.SlobProvider,
      io.mm4j.slab.slub.SlubProvider;
}
