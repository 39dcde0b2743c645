// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.offheap;

import io.mm4j.api.slab.CpuSlabs;

/**
 * What is counted of one CPU, and its slabs. Written by who has the CPU; read by anybody, roughly.
 */
final class Stripe {
  final CpuSlabs slabs;
  long allocations;
  long frees;
  long arenasOpened;
  long arenasClosed;

  Stripe(CpuSlabs slabs) {
    this.slabs = slabs;
  }
}
