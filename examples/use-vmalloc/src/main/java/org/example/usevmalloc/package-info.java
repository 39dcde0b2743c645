// SPDX-License-Identifier: Apache-2.0

/** A program that uses mm-vmalloc. */
package org.example.usevmalloc;
