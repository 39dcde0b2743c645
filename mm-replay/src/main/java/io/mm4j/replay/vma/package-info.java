// SPDX-License-Identifier: Apache-2.0
/**
 * The vma format: recorded system calls, touches and page faults of processes, parsed strictly and
 * replayed against an address space of the process floor.
 *
 * <p>{@link io.mm4j.replay.vma.VmaReader} turns the text into a header, a start state and events;
 * {@link io.mm4j.replay.vma.VmaReplayer} makes the calls and judges; {@link
 * io.mm4j.replay.vma.VmaChecks} counts.
 */
@NullMarked
package io.mm4j.replay.vma;

import org.jspecify.annotations.NullMarked;
