// SPDX-License-Identifier: Apache-2.0

/** The slab plugin object-stacks for mm4j. */
module org.example.objectstacks {
  requires io.mm4j.api;
  requires static org.jspecify;

  provides io.mm4j.api.slab.SlabAllocatorProvider with
      org.example.objectstacks.ObjectStacksProvider;
}
