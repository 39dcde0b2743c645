// SPDX-License-Identifier: Apache-2.0

/** The frame-allocator plugin next-fit for mm4j. */
module org.example.nextfit {
  requires io.mm4j.api;
  requires static org.jspecify;

  provides io.mm4j.api.page.FrameAllocatorProvider with
      org.example.nextfit.NextFitProvider;
}
