// SPDX-License-Identifier: Apache-2.0

/** The page allocators, and the frame allocators that keep the free blocks of a zone. */
module io.mm4j.buddy {
  requires io.mm4j.api;
  requires static org.jspecify;

  provides io.mm4j.api.page.FrameAllocatorProvider with
      io.mm4j.buddy.bitmap.BitmapProvider,
      io.mm4j.buddy.lists.BuddyProvider,
      io.mm4j.buddy.llfree.LlfreeProvider;
  provides io.mm4j.api.page.PageAllocatorProvider with
      io.mm4j.buddy.direct.DirectProvider,
      io.mm4j.buddy.linux.LinuxProvider;
}
