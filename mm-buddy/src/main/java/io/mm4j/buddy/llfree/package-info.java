// SPDX-License-Identifier: Apache-2.0

/**
 * The frame allocator {@code llfree}: bit fields below counters below trees, after "LLFree:
 * Scalable and Optionally-Persistent Page-Frame Allocation" (Wrenger and others, USENIX ATC 2023).
 */
@NullMarked
package io.mm4j.buddy.llfree;

import org.jspecify.annotations.NullMarked;
