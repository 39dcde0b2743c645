// SPDX-License-Identifier: Apache-2.0

/** The frame allocator {@code bitmap}: one bit a frame, first fit; the one to read first. */
@NullMarked
package io.mm4j.buddy.bitmap;

import org.jspecify.annotations.NullMarked;
