// SPDX-License-Identifier: Apache-2.0

/** Page tables in frames, the page-table formats of x86, and the kernel's own addresses. */
module io.mm4j.vmalloc {
  requires io.mm4j.api;
  requires static org.jspecify;

  provides io.mm4j.api.pagetable.PageTableFormatProvider with
      io.mm4j.vmalloc.format.La57Provider,
      io.mm4j.vmalloc.format.X8632Provider,
      io.mm4j.vmalloc.format.X8664Provider,
      io.mm4j.vmalloc.format.X86PaeProvider;
  provides io.mm4j.api.pagetable.PageTablesProvider with
      io.mm4j.vmalloc.table.LinuxPagingProvider;
  provides io.mm4j.api.vmalloc.VmallocAllocatorProvider with
      io.mm4j.vmalloc.rbtree.RbtreeProvider,
      io.mm4j.vmalloc.vmlist.VmlistProvider;
}
