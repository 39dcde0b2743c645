// SPDX-License-Identifier: Apache-2.0

/**
 * An independent model of Linux's page allocator: what mm/page_alloc.c of 6.18 decides, written
 * from the kernel's behaviour and the recordings in {@code kmem}, for clarity and not for speed. It
 * shares nothing with the page allocators that it judges.
 */
@NullMarked
package io.mm4j.testkit.pages.model;

import org.jspecify.annotations.NullMarked;
