// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.offheap;

/**
 * Memory that was allocated and not freed yet, with who did it; known only of a heap that was asked
 * to remember ({@link OffHeap.Builder#rememberCallers}).
 *
 * @param offset into {@link OffHeap#memory()}
 * @param bytes what was asked for
 * @param caller the first method outside this package that asked
 * @param thread the name of its thread
 */
public record OffHeapLeak(long offset, long bytes, String caller, String thread) {}
