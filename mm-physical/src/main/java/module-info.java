// SPDX-License-Identifier: Apache-2.0

/** RAM bytes, frames, nodes, zones. */
module io.mm4j.physical {
  requires io.mm4j.api;
  requires static org.jspecify;

  provides io.mm4j.api.memory.PhysicalMemoryProvider with
      io.mm4j.physical.ram.FlatmemProvider,
      io.mm4j.physical.ram.SparsememProvider;
}
