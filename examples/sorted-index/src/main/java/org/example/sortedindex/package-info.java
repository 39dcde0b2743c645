// SPDX-License-Identifier: Apache-2.0

/** Sorted arrays, as a third party's index of VMAs. */
@NullMarked
package org.example.sortedindex;

import org.jspecify.annotations.NullMarked;
