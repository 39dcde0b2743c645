// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.kernel;

import io.mm4j.api.Cpus;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.vmalloc.VmallocAllocator;
import io.mm4j.api.vmalloc.VmallocAllocatorProvider;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/** Creates {@link KernelSpace}s; see {@link KernelSpaceSource}. */
@API(status = API.Status.EXPERIMENTAL)
public interface KernelSpaceProvider {
  /**
   * What the floors below hand up.
   *
   * @param architecture what kind of machine it is
   * @param layout its memory
   * @param kernelLayout its kernel's addresses
   * @param memory RAM and frames
   * @param pages where frames come from
   * @param slabs where small objects come from, or null
   * @param tables the kernel's page tables
   * @param areas which addresses are whose
   * @param areasCan what that can do
   * @param cpus the machine's CPUs
   */
  record Floors(
      Architecture architecture,
      MemoryLayout layout,
      KernelLayout kernelLayout,
      PhysicalMemory memory,
      PageAllocator pages,
      @Nullable SlabAllocator slabs,
      PageTables tables,
      VmallocAllocator areas,
      VmallocAllocatorProvider.Capabilities areasCan,
      Cpus cpus) {}

  /** Creates a floor that has mapped nothing. */
  KernelSpace create(Floors floors);
}
