// SPDX-License-Identifier: Apache-2.0

/** Address spaces: mm_struct, VMAs and the mmap family. */
module io.mm4j.process {
  requires io.mm4j.api;
  requires static org.jspecify;

  provides io.mm4j.api.process.ProcessFloorProvider with
      io.mm4j.process.LinuxProcessFloorProvider;
  provides io.mm4j.api.vma.VmaIndexProvider with
      io.mm4j.process.maple.MapleVmaIndexProvider,
      io.mm4j.process.rbtree.RbTreeVmaIndexProvider,
      io.mm4j.process.treemap.TreeMapVmaIndexProvider;
}
