// SPDX-License-Identifier: Apache-2.0

/**
 * Recordings of a kernel's page allocator: their reader, the exact replay that a frame allocator is
 * judged by, the policy replay that shows what another allocator would have made of the same
 * requests, and the figures of fragmentation over recorded time.
 */
@NullMarked
package io.mm4j.replay.kmem;

import org.jspecify.annotations.NullMarked;
